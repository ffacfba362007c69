// A login: in the address or in settings of its own, never in both, and never half of one.
import type { Address } from '../address.ts';
import type { SettingsReader } from '../settings.ts';

export type Login = { user: string; password: string };

/** Where a login may stand; names are those of settings. */
type LoginSources = {
  /** The setting of the address, and what it holds. */
  address: { name: string; value: Address } | null;
  user: { name: string; value: string | undefined };
  password: { name: string; value: string | undefined };
  /** A server may know a user without a name: a password alone is a login then. */
  userMayBeMissing?: boolean;
};

/**
 * The login of address or settings; null when there is none. Two of them, or a half, are a fault.
 */
export function readLogin(read: SettingsReader, sources: LoginSources): Login | null {
  const { address, user, password, userMayBeMissing = false } = sources;
  const inAddress = { user: address?.value.user ?? '', password: address?.value.password ?? '' };
  const inSettings = { user: user.value ?? '', password: password.value ?? '' };
  const isAny = (login: Login): boolean => login.user !== '' || login.password !== '';
  if (isAny(inAddress) && isAny(inSettings)) {
    read.fault(`${address?.name} holds a login, and ${user.name} or ${password.name} another one`);
    return null;
  }
  const login = isAny(inSettings) ? inSettings : inAddress;
  if (!isAny(login)) return null;
  // In an address a user alone is whole: one whom the server asks for no password.
  if (login.password === '' && login === inSettings) {
    read.fault(`a user without a password: ${password.name} is missing`);
  } else if (login.user === '' && !userMayBeMissing) {
    read.fault(`a password without a user: ${user.name} is missing`);
  }
  return login;
}
