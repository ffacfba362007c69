// Requests to a schema registry that its client library does not know, by the same settings.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { RegistrySettings } from '../connections/registry-settings.ts';
import { tlsOptionsOf } from '../connections/tls.ts';

export type RegistryRequest = {
  method: string;
  path: string;
  /** Sent as JSON. */
  body?: object | undefined;
  /** A ZIP archive, sent as it is. */
  archive?: Buffer;
};

/**
 * Sends a request to a path below the registry's address.
 * @throws Error of the connection, when there was no whole answer within the time limit
 */
export type SendToRegistry = (
  request: RegistryRequest,
) => Promise<{ status: number; text: string }>;

/** Sends requests to one registry; connections are kept for the next ones. */
export function createRegistrySender(
  registry: RegistrySettings,
  timeoutMs: number,
): SendToRegistry {
  const agent = registryAgent(registry);
  const send = registry.url.startsWith('https://') ? httpsRequest : httpRequest;
  return async ({ method, path, body, archive }) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = send(`${registry.url}${path}`, {
      ...{ method, agent, signal: AbortSignal.timeout(timeoutMs) },
      headers: {
        ...registryHeaders(registry),
        ...(body === undefined ? {} : { 'Content-Type': 'application/vnd.schemaregistry.v1+json' }),
        ...(archive === undefined ? {} : { 'Content-Type': 'application/zip' }),
      },
    });
    request.once('response', resolve);
    request.once('error', reject);
    request.end(body === undefined ? archive : JSON.stringify(body));
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await text(response) };
  };
}

/** Keeps connections; over https it trusts whom the settings name. */
export function registryAgent({ url, tls = {} }: RegistrySettings): HttpAgent {
  return url.startsWith('https://')
    ? new HttpsAgent({ keepAlive: true, ...tlsOptionsOf(tls) })
    : new HttpAgent({ keepAlive: true });
}

/** The headers by which the registry knows who asks; none without a login. */
export function registryHeaders({ login }: RegistrySettings): Record<string, string> {
  if (login === undefined) return {};
  const encoded = Buffer.from(`${login.user}:${login.password}`).toString('base64');
  return { Authorization: `Basic ${encoded}` };
}
