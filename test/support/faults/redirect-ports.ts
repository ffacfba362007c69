// Loaded into a service before its own code (node --import): its connections to the ports named in
// PORT_ROUTES go to other ports, where the proxies of a test listen. Addresses that servers advertise, as Kafka's
// brokers do, are led through the links like those that are in the settings.
import { Socket } from 'node:net';

/** By the port that is meant, the port to connect to. */
const links = new Map<number, number>(JSON.parse(process.env.PORT_ROUTES ?? '[]'));

type Target = { port?: number | string };

const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket;

Socket.prototype.connect = function connectByLink(this: Socket, ...args: unknown[]): Socket {
  const [first] = args;
  // net.connect passes a list of its own on, with the options at its head.
  if (Array.isArray(first)) first[0] = throughLink(first[0]);
  else if (typeof first === 'object') args[0] = throughLink(first as Target);
  else args[0] = links.get(Number(first)) ?? first;
  return connect.apply(this, args);
} as typeof Socket.prototype.connect;

function throughLink(target: Target): Target {
  const port = links.get(Number(target.port));
  return port === undefined ? target : { ...target, port };
}
