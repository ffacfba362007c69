// Addresses of servers taken apart: host, port, path and login, IPv6 included.

/** The parts of an address; user and password are decoded, and no longer in `url`. */
export type Address = {
  /** Without login, and without a slash at its end. */
  url: string;
  /** As `mysql://`. */
  scheme: string;
  /** Without the brackets of an IPv6 address. */
  host: string;
  /** null: the address names none. */
  port: number | null;
  /** Decoded, without its first slash. */
  path: string;
  user: string;
  password: string;
};

/** What is wrong with an address. */
export type AddressFault = 'malformed' | 'has-options';

/** Takes an address apart that must begin with one of `schemes` (as `mysql://`); options are refused. */
export function parseAddress(
  text: string,
  schemes: readonly string[],
): { kind: 'address'; address: Address } | { kind: AddressFault } {
  const scheme = schemes.find((candidate) => text.startsWith(candidate));
  const url = URL.parse(text);
  if (scheme === undefined || url === null || url.hostname === '') return { kind: 'malformed' };
  if (/[?#]/.test(text)) return { kind: 'has-options' };
  try {
    const address: Address = {
      ...{ scheme, url: withoutLogin(url), host: withoutBrackets(url.hostname) },
      port: url.port === '' ? null : Number(url.port),
      path: decodeURIComponent(url.pathname.slice(1)),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    };
    // A password with a slash in it ends the host too early: the rest of it would be the path.
    return url.pathname.includes('@') ? { kind: 'malformed' } : { kind: 'address', address };
  } catch {
    return { kind: 'malformed' };
  }
}

/**
 * The parts of an address that was read from settings, or is our own.
 * @throws Error when it is none; the address is not in it
 */
export function addressParts(text: string, schemes: readonly string[]): Address {
  const parsed = parseAddress(text, schemes);
  if (parsed.kind === 'address') return parsed.address;
  throw new Error(`not an address of ${schemes.join(' or ')}`);
}

/** Host and port of `host:port`; an IPv6 host stands in brackets, and comes back without. null: it is none. */
export function hostAndPortOf(text: string): { host: string; port: number } | null {
  const found = /^(?:\[([\da-fA-F:.]+)\]|([^\s:,/@[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found === null || port > 65_535) return null;
  return { host: found[1] ?? found[2] ?? '', port };
}

/** An IPv6 host without its brackets; any other host as it is. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function withoutLogin(url: URL): string {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare.href.replace(/\/+$/, '');
}
