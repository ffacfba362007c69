// Typed readers for environment values. Every fault is collected; `finish` throws them all at once.
import { AppError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

type Bounds = { min: number; max: number };

/** Reads settings one by one, remembers what is wrong, and says it all in one message. */
export type SettingsReader = {
  /** A text that must be there: an address or a secret, for which no default is safe. */
  required(name: string): string;
  /** A text with a default that is safe in production. */
  text(name: string, fallback: string): string;
  /** A text that may be missing. */
  optional(name: string): string | undefined;
  /** A whole number within bounds. */
  integer(name: string, fallback: number, bounds: Bounds): number;
  /** A port that must be named; 0 takes a free one. */
  port(name: string): number;
  /** One of a list of words. */
  oneOf<T extends string>(name: string, fallback: T, words: readonly T[]): T;
  /** host:port pairs, joined by commas; at least one. */
  hosts(name: string): string[];
  /** An address that must be there, with one of these schemes. */
  url(name: string, schemes: readonly string[]): string;
  /**
   * Ends the reading.
   * @throws AppError SETTINGS_INVALID with every fault, when there was one; values are never shown
   */
  finish(): void;
};

/** A reader over these environment values; an empty value counts as missing. */
export function readSettings(env: Environment): SettingsReader {
  // A set: two parts of a service may read the same setting, and its fault is one.
  const faults = new Set<string>();
  const textOf = (name: string): string | undefined => {
    const value = env[name]?.trim();
    return value === '' ? undefined : value;
  };
  const required = (name: string): string => {
    const value = textOf(name);
    if (value === undefined) faults.add(`${name} is missing`);
    return value ?? '';
  };
  const integerIn = (name: string, value: string, { min, max }: Bounds): number => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max) {
      faults.add(`${name} must be a whole number from ${min} to ${max}`);
    }
    return number;
  };
  return {
    required,
    text: (name, fallback) => textOf(name) ?? fallback,
    optional: textOf,
    integer: (name, fallback, bounds) => {
      const value = textOf(name);
      return value === undefined ? fallback : integerIn(name, value, bounds);
    },
    port: (name) => {
      const value = required(name);
      return value === '' ? 0 : integerIn(name, value, { min: 0, max: 65_535 });
    },
    oneOf: (name, fallback, words) => {
      const value = textOf(name) ?? fallback;
      const word = words.find((candidate) => candidate === value);
      if (word === undefined) faults.add(`${name} must be one of ${words.join(', ')}`);
      return word ?? fallback;
    },
    hosts: (name) => {
      const value = required(name);
      const hosts = value.split(',').map((host) => host.trim());
      if (value !== '' && !hosts.every(isHostAndPort)) {
        faults.add(`${name} must be host:port pairs joined by commas`);
      }
      return hosts;
    },
    url: (name, schemes) => {
      const value = required(name);
      if (value !== '' && !isUrlOf(value, schemes)) {
        faults.add(`${name} must be an address that starts with ${schemes.join(' or ')}`);
      }
      return value;
    },
    finish: () => {
      if (faults.size > 0) {
        throw new AppError(
          'SETTINGS_INVALID',
          `${faults.size} faulty setting(s): ${[...faults].join('; ')}`,
        );
      }
    },
  };
}

function isHostAndPort(value: string): boolean {
  const port = /^[^\s:,/]+:(\d{1,5})$/.exec(value)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

function isUrlOf(value: string, schemes: readonly string[]): boolean {
  const url = URL.parse(value);
  return url !== null && url.hostname !== '' && schemes.some((scheme) => value.startsWith(scheme));
}
