// Loaded into a service before its own code (node --import): its connections to the ports named in
// WIRES go to other ports, where a test's wires begin. Addresses that servers advertise, as Kafka's
// brokers do, are led through the wires like those that are in the settings.
import { Socket } from 'node:net';

/** By the port that is meant, the port to connect to. */
const wires = new Map<number, number>(JSON.parse(process.env.WIRES ?? '[]'));

type Target = { port?: number | string };

const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket;

Socket.prototype.connect = function connectByWire(this: Socket, ...args: unknown[]): Socket {
  const [first] = args;
  // net.connect passes a list of its own on, with the options at its head.
  if (Array.isArray(first)) first[0] = throughWire(first[0]);
  else if (typeof first === 'object') args[0] = throughWire(first as Target);
  else args[0] = wires.get(Number(first)) ?? first;
  return connect.apply(this, args);
} as typeof Socket.prototype.connect;

function throughWire(target: Target): Target {
  const port = wires.get(Number(target.port));
  return port === undefined ? target : { ...target, port };
}
