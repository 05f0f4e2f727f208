import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { sendFault } from './faults.ts';

const REALM = 'Bearer realm="goldpinger-ts"';

/**
 * Lets through who sends `Authorization: Bearer <token>` (RFC 6750). 403 if there is no token, because then nobody may
 * write; 401 to others. Compared in constant time. Cookies count for nothing, so no foreign page can write.
 */
export function mustBearer(token: string): RequestHandler {
  const expected = digestOf(token);
  return (req, res, next) => {
    // The body is not read. Node would read it to its end to keep the connection: who may not write is to cost less.
    const refuse = (status: number, message: string) => sendFault(res.set('Connection', 'close'), status, message);
    if (token === '') {
      refuse(
        403,
        'writing is off: give all pods one WRITE_TOKEN (16 characters or more) and send it as a bearer token',
      );
      return;
    }
    const [, sent] = /^Bearer +(\S+) *$/i.exec(req.get('authorization') ?? '') ?? [];
    if (sent === undefined) {
      res.set('WWW-Authenticate', REALM);
      refuse(401, 'expected "Authorization: Bearer " and the WRITE_TOKEN of the pods');
    } else if (timingSafeEqual(digestOf(sent), expected)) next();
    else {
      res.set('WWW-Authenticate', `${REALM}, error="invalid_token"`);
      refuse(401, 'this is not the WRITE_TOKEN of this pod');
    }
  };
}

/** Of one length whatever was sent. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
