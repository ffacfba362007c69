// Typed readers for environment values. Every fault is collected; `finish` throws them all at once.
import { readFileSync } from 'node:fs';
import { type Address, type AddressFault, hostAndPortOf, parseAddress } from './address.ts';
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
  /** A secret that may be missing: spaces around it belong to it. */
  secret(name: string): string | undefined;
  /** The text of a file whose path may be missing; it is read now. */
  file(name: string): string | undefined;
  /** A host to listen on: a name, or an IP address with or without the brackets of an IPv6 one. */
  host(name: string): string;
  /** host:port pairs, joined by commas; at least one. IPv6 addresses stand in brackets. */
  hosts(name: string): string[];
  /** As `hosts`, but undefined when the setting is missing. */
  optionalHosts(name: string): string[] | undefined;
  /** An address that must be there, with one of these schemes; no login and no options in it. */
  url(name: string, schemes: readonly string[]): string;
  /** The parts of an address that must be there, with one of these schemes; no options in it. */
  address(name: string, schemes: readonly string[]): Address;
  /** Remembers a fault that no single setting has; no value may be in it. */
  fault(text: string): void;
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
    secret: (name) => env[name] || undefined,
    file: (name) => {
      const path = textOf(name);
      if (path === undefined) return undefined;
      const text = textOfFile(path);
      if (text === undefined) faults.add(`${name} must be the path of a file that can be read`);
      return text;
    },
    host: (name) => required(name).replace(/^\[(.*)\]$/, '$1'),
    hosts: (name) => hostsIn(name, required(name), faults),
    optionalHosts: (name) => {
      const value = textOf(name);
      return value === undefined ? undefined : hostsIn(name, value, faults);
    },
    url: (name, schemes) => {
      const { url, user, password } = addressIn(name, required(name), schemes, faults);
      if (user !== '' || password !== '') faults.add(`${name} must not hold a login`);
      return url;
    },
    address: (name, schemes) => addressIn(name, required(name), schemes, faults),
    fault: (text) => {
      faults.add(text);
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

function textOfFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function hostsIn(name: string, value: string, faults: Set<string>): string[] {
  const hosts = value.split(',').map((host) => host.trim());
  if (value !== '' && hosts.some((host) => hostAndPortOf(host) === null)) {
    faults.add(`${name} must be host:port pairs joined by commas`);
  }
  return hosts;
}

function addressIn(
  name: string,
  value: string,
  schemes: readonly string[],
  faults: Set<string>,
): Address {
  if (value === '') return NO_ADDRESS;
  const parsed = parseAddress(value, schemes);
  if (parsed.kind === 'address') return parsed.address;
  faults.add(`${name} ${tellAddressFault(parsed.kind, schemes)}`);
  return NO_ADDRESS;
}

const NO_ADDRESS: Address = {
  url: '',
  scheme: '',
  host: '',
  port: null,
  path: '',
  user: '',
  password: '',
};

function tellAddressFault(fault: AddressFault, schemes: readonly string[]): string {
  switch (fault) {
    case 'malformed':
      return `must be an address that starts with ${schemes.join(' or ')}; what is no letter or digit in its login is percent-encoded`;
    case 'has-options':
      return 'must have no options behind ? or #: what can be set has a setting of its own';
  }
}
