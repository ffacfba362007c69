// kafkajs 2.2.4 sets a timer of 1 ms on every connection, for ever: when a response comes it looks for
// requests that wait, and then plans the next look at a time that has passed (docs/adr/0016). Here the
// look is planned only while a request waits. Importing this file changes kafkajs for the process.
import { requireInternal } from './kafkajs-internals.ts';

/** kafkajs' own choice, for requests that wait while nothing throttles the connection. */
const CHECK_PENDING_MS = 10;

type RequestQueue = {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
};

const { prototype } = requireInternal('network/requestQueue/index.js') as {
  prototype: RequestQueue;
};

prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  // Whatever is pushed later plans its own look.
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
  const throttledMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : CHECK_PENDING_MS,
  );
};
