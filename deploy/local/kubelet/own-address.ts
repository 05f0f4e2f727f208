import { Socket } from 'node:net';

/*
 * Loaded before a program whose pod redirects ports (an init container's iptables rule on eth0). In a real pod what it
 * sends to its own address goes over lo and is not redirected; on this machine, where all is lo, this does the same:
 * connections to the pod's own address on such a port go to where the program itself listens.
 */
const { POD_IP_HERE = '', POD_INNER_IP_HERE = '', POD_REDIRECTED_HERE = '' } = process.env;
const redirected = new Set(POD_REDIRECTED_HERE.split(',').filter(Boolean).map(Number));

// `Socket.connect` gets its options as they are, or first in a list that `net.connect` has made of its arguments.
type Connect = (this: Socket, ...args: unknown[]) => Socket;
const original = Socket.prototype.connect as unknown as Connect;
const placed: Connect = function (this: Socket, ...args) {
  const first = Array.isArray(args[0]) ? (args[0][0] as unknown) : args[0];
  if (typeof first === 'object' && first !== null) {
    const options = first as { host?: unknown; port?: unknown };
    if (options.host === POD_IP_HERE && redirected.has(Number(options.port))) options.host = POD_INNER_IP_HERE;
  }
  return original.apply(this, args);
};
Socket.prototype.connect = placed as unknown as typeof Socket.prototype.connect;
