// `npm run version -- 1.0.0` sets the version of everything that has one: package.json, from which the build takes it,
// package-lock.json, the chart, and CHANGELOG.md, whose unreleased changes become those of the version. Without a version,
// all follow package.json: npm runs it so in `npm version`. `--notes` prints what CHANGELOG.md says of the version.
import { readFileSync, writeFileSync } from 'node:fs';

const CHART = 'deploy/helm/goldpinger/Chart.yaml';
const read = (path) => readFileSync(path, 'utf8');
const packageJson = JSON.parse(read('package.json'));
const [argument = packageJson.version] = process.argv.slice(2);

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** The text below the heading of a version, up to the next version. */
function notesOf(version) {
  const sections = read('CHANGELOG.md').split(/^## /m);
  const section = sections.find((text) => text.startsWith(`[${version}]`));
  if (section === undefined) return fail(`CHANGELOG.md has no section [${version}]: run npm run version -- ${version}`);
  return section.slice(section.indexOf('\n') + 1).trim();
}

function setAll(version) {
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version))
    fail(`${version}: expected a version such as 1.0.0 or 1.0.0-rc.1`);
  const lock = JSON.parse(read('package-lock.json'));
  lock.version = version;
  lock.packages[''].version = version;
  writeFileSync('package.json', `${JSON.stringify({ ...packageJson, version }, null, 2)}\n`);
  writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`);
  writeFileSync(CHART, read(CHART).replace(/^(version|appVersion): .*$/gm, `$1: ${version}`));
  const changelog = read('CHANGELOG.md');
  if (!changelog.includes(`## [${version}]`)) {
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(
      'CHANGELOG.md',
      changelog.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${date}\n`),
    );
  }
  process.stdout.write(`package.json, package-lock.json, ${CHART} and CHANGELOG.md: ${version}\n`);
}

if (argument === '--notes') process.stdout.write(`${notesOf(packageJson.version)}\n`);
else setAll(argument);
