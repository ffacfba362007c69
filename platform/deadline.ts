// Waiting for something no longer than a stated time.

/**
 * What `work` comes to, if it does within `ms` milliseconds. After that it runs on unheard: neither its
 * result nor its failure is of interest any more.
 * @throws what `late` makes, when the time is over; what `work` throws
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => limit.reject(late()), ms);
  try {
    return await Promise.race([work, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
