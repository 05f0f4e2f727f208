/** The fields of a part of a kubeconfig, in which anything may stand. */
export type Fields = Record<string, unknown>;

/** The value if it is an object, a text, a list; else an empty one. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
export const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** A field that is in the kubeconfig itself (base64), or in a file that it names. Throws an Error if both are given. */
export function dataOrFile(fields: Fields, key: string): { data: string | undefined; file: string | undefined } {
  const [data, file] = [stringOf(fields[`${key}-data`]) || undefined, stringOf(fields[key]) || undefined];
  if (data !== undefined && file !== undefined)
    throw new Error(`${key} and ${key}-data are both given: expected one of them`);
  return { data, file };
}
