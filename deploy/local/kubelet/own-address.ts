import { Socket } from 'node:net';
import { networkFromEnv } from '../pod-network.ts';

/*
 * This module is loaded before a program in whose pod an init container redirects ports (an iptables rule on eth0). In a real
 * pod, connections to its own address go over lo and are not redirected. On this machine everything goes over lo, so this
 * module sends connections to the pod's own address and a redirected port to the address where the program itself listens.
 */
// `innerIP`: where the program itself listens. `redirected`: the ports that the pod's rule sends to another process.
const { podIP, innerIP, redirected } = networkFromEnv(process.env);

// `Socket.connect` gets its options directly, or as the first element of a list that `net.connect` makes.
type Connect = (this: Socket, ...args: unknown[]) => Socket;
const original = Socket.prototype.connect as unknown as Connect;
const connectToOwnAddress: Connect = function (this: Socket, ...args) {
  const options = (Array.isArray(args[0]) ? args[0][0] : args[0]) as { host?: unknown; port?: unknown } | null;
  if (typeof options === 'object' && options?.host === podIP && redirected.includes(Number(options.port))) {
    options.host = innerIP;
  }
  return original.apply(this, args);
};
Socket.prototype.connect = connectToOwnAddress as unknown as typeof Socket.prototype.connect;
