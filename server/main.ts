import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pino } from 'pino';
import { type Config, describeConfig, readConfig } from './config/config.ts';
import { startPassive } from './passive.ts';
import { realClock } from './runtime/clock.ts';
import { textOf } from './runtime/errors.ts';
import { type Service, startService } from './service.ts';

/** Set by the build: package.json's version. */
declare const __VERSION__: string;

// Without a listener Node opens its inspector on this signal, and whoever reaches the inspector runs code in this process.
process.on('SIGUSR1', () => {});

const result = readConfig(__VERSION__);
if (result.kind === 'print') {
  process.stdout.write(result.text);
} else if (result.kind === 'invalid') {
  const list = result.errors.map((error) => `  ${error}\n`).join('');
  process.stderr.write(`goldpinger-ts cannot start: these settings are invalid.\n${list}See --help.\n`);
  process.exitCode = 1;
} else {
  // On Linux the title replaces the command line, which every user of the machine can read.
  if (result.hasSecretFlag) process.title = 'goldpinger-ts';
  void run(result.config, result.warnings);
}

/** Writes a line of the log. One that cannot be written is lost: a full disk, on which pino would wait for ever, stops no ping. */
function writeLine(line: string): void {
  try {
    writeSync(process.stdout.fd, line);
  } catch {
    // There is nowhere to say so.
  }
}

async function run(config: Config, warnings: string[]): Promise<void> {
  const options = { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const log = pino(options, { write: writeLine });
  for (const warning of warnings) log.warn({}, warning);
  log.info({ version: __VERSION__, config: describeConfig(config) }, 'starting');
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught error; the process ends');
    process.exit(1);
  });
  const { nodeTiming } = performance;
  let service: Service;
  try {
    const deps = { clock: realClock, log, version: __VERSION__ };
    service = config.isActive
      ? await startService(config, {
          ...deps,
          random: Math.random,
          pageDir: join(__dirname, 'web'),
          idleMs: () => nodeTiming.idleTime,
        })
      : await startPassive(config, deps);
  } catch (error) {
    log.fatal(
      { host: config.host, port: config.port, ...(config.udpEnabled && { udpPort: config.udpPort }) },
      `cannot listen: ${textOf(error)}. Is HOST, PORT or UDP_PORT taken or wrong?`,
    );
    process.exit(1);
  }
  let stopping = false;
  const onSignal = (signal: string) => {
    if (stopping) {
      log.warn({ signal }, 'second signal; the process ends at once');
      process.exit(0);
    }
    stopping = true;
    log.info({ signal, graceMs: config.shutdownGraceMs }, 'stopping: not ready any more, but pings are still answered');
    void service.stop().then(() => {
      log.info({}, 'stopped');
      process.exit(0);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, onSignal);
  // Last: whoever reads this line may stop us at once, and SHUTDOWN_GRACE must hold then too.
  log.info({ address: service.address }, 'listening');
}
