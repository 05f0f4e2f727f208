import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';

/** A Kubernetes object as its YAML says it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: the compiler checks it against the API's types, tests read it freely.
  spec?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above, for kinds without a spec.
  [field: string]: any;
}

/** Every object of a YAML text, empty documents left out. Throws on YAML that is not well-formed or has a key twice. */
export function manifestsOf(text: string): Manifest[] {
  const documents = parseAllDocuments(text);
  for (const document of documents) if (document.errors[0]) throw document.errors[0];
  return documents.map((document) => document.toJS() as Manifest | null).filter((object) => object !== null);
}

/** Every object of a YAML file. */
export function manifestsIn(path: string): Manifest[] {
  return manifestsOf(readFileSync(path, 'utf8'));
}

/** The first object of a kind; undefined if there is none, as tests notice. */
export function oneOf(objects: readonly Manifest[], kind: string): Manifest {
  return objects.find((object) => object.kind === kind) as Manifest;
}

const CLIENT = resolve('node_modules/@kubernetes/client-node/dist/gen/models');
const OPERATOR = resolve('node_modules/@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1');

/** The module and the type of a kind: generated from the Kubernetes API's OpenAPI, or from the operator's CRDs. */
function typeOf({ apiVersion, kind }: Manifest): { module: string; name: string } {
  if (apiVersion === 'monitoring.coreos.com/v1') return { module: `${OPERATOR}/${kind}`, name: `I${kind}` };
  const version = apiVersion.split('/').at(-1) ?? '';
  const name = version.charAt(0).toUpperCase() + version.slice(1) + kind;
  return { module: `${CLIENT}/${name}.js`, name };
}

/** The client writes field names that are words of a language with a `_` before; we use one such field. */
function asClient(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('from' in value)) return value;
  const { from, ...rest } = value;
  return { ...rest, _from: from };
}

/**
 * What the API's schemas have against these objects, one line each: unknown fields, missing ones, wrong types. The
 * schemas are the API's types as its client has them, and the TypeScript compiler compares: it knows unions, optional
 * fields and fields that are too many.
 */
export function schemaFaults(objects: readonly Manifest[]): string[] {
  const file = resolve('manifests.ts');
  const imports = objects.map((object, i) => {
    const { module, name } = typeOf(object);
    return `import type { ${name} as Kind${i} } from '${module}';`;
  });
  const values = objects.map((object, i) => `export const value${i}: Kind${i} = ${JSON.stringify(object, asClient)};`);
  const source = [...imports, ...values].join('\n');
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  };
  const host = ts.createCompilerHost(options);
  const readSource = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    resolve(name) === file ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022) : readSource(name, ...rest);
  const isThere = host.fileExists.bind(host);
  host.fileExists = (name) => resolve(name) === file || isThere(name);
  const program = ts.createProgram([file], options, host);
  const faults = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
  return faults.map((fault) => {
    const line = source.slice(0, fault.start ?? 0).split('\n').length - 1 - imports.length;
    const object = objects[line] ?? objects[line + imports.length];
    return `${object?.kind} ${object?.metadata?.name}: ${ts.flattenDiagnosticMessageText(fault.messageText, ' ')}`;
  });
}
