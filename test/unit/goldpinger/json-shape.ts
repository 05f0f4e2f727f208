/** The names of the types of a JSON value's leaves by path; `*` stands for keys that are data, and for list indexes. */
export type Shape = Record<string, string>;

/** Objects in Goldpinger's answers whose keys are names of pods or targets. */
const MAPS = /(^|\.)(podResults|probeResults|responses)(\.\*)?$/;
/** `probeResults` has a second level of names in `/check_all` only. */
const isMap = (path: string) => MAPS.test(path) && !/(podResults|responses|response\.probeResults)\.\*$/.test(path);

/** The shape of a JSON value: every path that occurs in it, with its type. */
export function shapeOf(value: unknown, path = ''): Shape {
  if (Array.isArray(value)) return Object.assign({}, ...value.map((entry) => shapeOf(entry, `${path}.*`)));
  if (typeof value !== 'object' || value === null) return { [path]: value === null ? 'null' : typeof value };
  const shapes = Object.entries(value).map(([key, entry]) => shapeOf(entry, `${path}.${isMap(path) ? '*' : key}`));
  return Object.assign({}, ...shapes);
}

/** The keys of every object in JSON text, in the order in which they stand there, by path as in `shapeOf`. */
export function keyOrders(value: unknown, path = ''): [string, string[]][] {
  if (Array.isArray(value)) return value.flatMap((entry) => keyOrders(entry, `${path}.*`));
  if (typeof value !== 'object' || value === null) return [];
  const own: [string, string[]] = [path, Object.keys(value)];
  return [
    own,
    ...Object.entries(value).flatMap(([key, entry]) => keyOrders(entry, `${path}.${isMap(path) ? '*' : key}`)),
  ];
}
