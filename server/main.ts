import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pino } from 'pino';
import { type Config, describeConfig, readOwnConfig } from './config/config.ts';
import { realClock } from './runtime/clock.ts';
import { textOf } from './runtime/errors.ts';
import { type Service, startService } from './service.ts';

/** Set by the build: package.json's version. */
declare const __VERSION__: string;

const reading = readOwnConfig(__VERSION__);
if (reading.kind === 'print') {
  process.stdout.write(reading.text);
} else if (reading.kind === 'faulty') {
  const list = reading.faults.map((fault) => `  ${fault}\n`).join('');
  process.stderr.write(`goldpinger-ts cannot start, these settings are wrong:\n${list}See --help.\n`);
  process.exitCode = 1;
} else {
  void run(reading.config, reading.warnings);
}

async function run(config: Config, warnings: string[]): Promise<void> {
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  for (const warning of warnings) log.warn({}, warning);
  log.info({ version: __VERSION__, config: describeConfig(config) }, 'starting');
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a fault nobody caught; ending');
    process.exit(1);
  });
  let service: Service;
  try {
    service = await startService(config, {
      clock: realClock,
      log,
      random: Math.random,
      version: __VERSION__,
      pageDir: join(__dirname, 'web'),
      idleMs: () => performance.nodeTiming.idleTime,
    });
  } catch (error) {
    log.fatal(
      { host: config.host, port: config.port },
      `cannot listen: ${textOf(error)}. Is HOST or PORT taken or wrong?`,
    );
    process.exit(1);
  }
  let stopping = false;
  const onSignal = (signal: string) => {
    if (stopping) {
      log.warn({ signal }, 'second signal: ending at once');
      process.exit(0);
    }
    stopping = true;
    log.info({ signal, graceMs: config.shutdownGraceMs }, 'ending: not ready any more, still answering pings');
    void service.stop().then(() => {
      log.info({}, 'ended');
      process.exit(0);
    });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Last: who reads it may end us at once, and is owed the grace.
  log.info({ address: service.address }, 'listening');
}
