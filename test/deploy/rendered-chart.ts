import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Manifest, manifestsOf } from '../support/manifest-schema.ts';
import { HELM, output } from './tools.ts';

export const CHART = 'deploy/helm/goldpinger';
/** Helm built by `go install` believes in an ancient cluster. */
export const CLUSTER = ['--kube-version', '1.33.0'];
/** Sets of values in `test/deploy/values`; `defaults` is none at all. */
export const VALUES = ['defaults', 'goldpinger', 'everything', 'host-network', 'gateway'];

/** The chart's objects for a release `release` in namespace `net`. Throws an Error with helm's complaint. */
export function rendered(...args: string[]): Manifest[] {
  return manifestsOf(template(CHART, args));
}

/** As `rendered`, with one of `VALUES`. */
export function withValues(name: string): Manifest[] {
  return rendered(...fileOf(name));
}

/**
 * What the chart says after an installation with one of `VALUES`. `helm template` leaves the notes out, and `helm install`
 * wants a cluster even for a dry run: so a copy of the chart is rendered whose only template has the notes as its text.
 */
export function notesWith(name: string, ...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'goldpinger-notes-'));
  try {
    cpSync(CHART, folder, { recursive: true, dereference: true });
    renameSync(join(folder, 'templates/NOTES.txt'), join(folder, 'NOTES.txt'));
    writeFileSync(join(folder, 'templates/notes.yaml'), 'notes: {{ tpl (.Files.Get "NOTES.txt") . | b64enc }}\n');
    const [notes] = manifestsOf(template(folder, [...fileOf(name), ...args, '--show-only', 'templates/notes.yaml']));
    return Buffer.from(String(notes?.['notes']), 'base64').toString();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function template(chart: string, args: string[]): string {
  return output(HELM, ['template', 'release', chart, '-n', 'net', ...CLUSTER, ...args]);
}

function fileOf(name: string): string[] {
  return name === 'defaults' ? [] : ['-f', `test/deploy/values/${name}.yml`];
}
