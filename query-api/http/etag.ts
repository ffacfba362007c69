// What the caller has already need not be sent again.
import { hash } from 'node:crypto';

/** The weak ETag of a body: equal bodies, equal tags. */
export function etagOf(body: string): string {
  return `W/"${hash('sha1', body, 'base64url')}"`;
}

/**
 * Does an `If-None-Match` header name this tag, or every tag (`*`)? Strength does not count (RFC 9110).
 * express has the same, but not for requests with `Cache-Control: no-cache`, as fetch sends them.
 */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const known = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim());
  return known.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag.replace(/^W\//, ''));
}
