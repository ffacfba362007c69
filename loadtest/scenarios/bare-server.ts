// What the service is measured against: an express 5 server that parses and answers the same JSON,
// and does nothing else. A process of its own; prints its port.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';

const left = new Map<string, number>();

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.use(express.json());

app.post('/coupons', (request, response) => {
  const id = randomUUID();
  const { quantity } = request.body as { quantity: number };
  left.set(id, quantity);
  response.status(201).json({ id, quantity });
});

app.post('/coupons/:couponId/assign', (request: Request<{ couponId: string }>, response) => {
  const { couponId } = request.params;
  const { userId } = request.body as { userId: string };
  const remaining = left.get(couponId) ?? 0;
  if (remaining === 0) {
    response
      .status(409)
      .type('application/problem+json')
      .send(JSON.stringify({ title: 'Sold out', status: 409, code: 'Coupon-0006' }));
    return;
  }
  left.set(couponId, remaining - 1);
  const assignedAt = new Date().toISOString();
  response
    .status(201)
    .json({ assignmentId: randomUUID(), couponId, userId, sequence: remaining, assignedAt });
});

const server = createServer(app);
server.listen(0, '127.0.0.1', 1_024, () => {
  console.log((server.address() as AddressInfo).port);
});
