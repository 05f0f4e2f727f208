import { JsonFault } from './go-json.ts';

/** A request that cannot be followed: what the API answers, with Toxiproxy's words. */
export class ApiFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Calls `read`; a JsonFault in it becomes ApiFault 400 `bad request body: ...`. */
export function badBody<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof JsonFault) throw new ApiFault(400, `bad request body: ${error.message}`);
    throw error;
  }
}
