import type { Config } from './config/config.ts';
import type { DiscoverySnapshot } from './contract/discovery.ts';
import type { Journal } from './contract/event.ts';
import type { Sample } from './contract/outcome.ts';
import type { Target } from './contract/pod.ts';
import type { ProbeResult } from './contract/probe.ts';
import type { Clock, Log } from './contract/seams.ts';
import type { Answers } from './http/answers.ts';
import { AnnotationBook } from './journal/annotation-book.ts';
import { podTokenOf } from './journal/annotation-seal.ts';
import { EventJournal } from './journal/journal.ts';
import { PodBook } from './journal/pod-book.ts';
import { MeshAnnotations } from './mesh/annotations.ts';
import type { AskAll } from './mesh/ask-all.ts';
import { createEventsReader, type EventsReader } from './mesh/events.ts';
import type { OwnView } from './own-view.ts';
import type { LinkChange } from './results/link.ts';

/** What the chronicle is kept and read with. */
export interface ChronicleParts {
  clock: Clock;
  random(): number;
  log: Log;
  own: OwnView;
  askAll: AskAll;
}

/** The part of the wiring that remembers what happened: pods, events, annotations, and those of all pods. */
export class Chronicle {
  /** Who was there when. */
  readonly podBook: PodBook;
  readonly #own: OwnView;
  readonly #journal: EventJournal;
  readonly #events: EventsReader;
  readonly #book: AnnotationBook;
  readonly #annotations: MeshAnnotations;
  readonly #tokens: Pick<Answers, 'writeToken' | 'podToken'>;

  constructor(config: Config, { clock, random, log, own, askAll }: ChronicleParts) {
    this.#own = own;
    this.#tokens = { writeToken: config.writeToken, podToken: podTokenOf(config.writeToken) };
    this.podBook = new PodBook(config, clock);
    this.#journal = new EventJournal(config, { clock, random });
    this.#events = createEventsReader(config, {
      ...{ clock, askAll },
      ownJournal: (sinceAgeMs, limit) => this.#read(sinceAgeMs, limit),
      podOf: (uid) => this.podBook.podOf(uid),
      podCount: () => own.snapshot.pods.length,
    });
    this.#book = new AnnotationBook({ clock, log, token: config.writeToken });
    this.#annotations = new MeshAnnotations({
      ...{ clock, random, log, askAll, own: this.#book, podToken: this.#tokens.podToken },
    });
  }

  /** Takes the pods as discovery has them now; before the own view does. */
  takePods(snapshot: DiscoverySnapshot): void {
    this.#journal.takePods(this.podBook.take(snapshot));
    this.#journal.takeDiscovery(snapshot.status);
  }

  /** Takes whom we ping from now on. */
  takeTargets(targets: readonly Target[], { status, pods }: DiscoverySnapshot): void {
    this.#journal.takeTargets(targets);
    if (status.phase === 'synced' && pods.length > 1) this.#annotations.catchUp();
  }

  /** Takes what came of a ping. */
  takeSample(target: Target, sample: Sample): void {
    this.#journal.takeSample(target, sample);
    this.#journal.takeStarvation(this.#own.starvation());
  }

  /** Takes a change of a link's state. */
  takeLink(change: LinkChange): void {
    this.#journal.takeLink(change);
  }

  /** Takes what came of an external probe. */
  takeProbe(result: ProbeResult): void {
    this.#journal.takeProbe(result);
  }

  /** What the routes serve. */
  answers(): Pick<Answers, 'journal' | 'events' | 'writeToken' | 'podToken' | 'annotations'> {
    return {
      journal: (sinceAgeMs, limit) => this.#read(sinceAgeMs, limit),
      events: (query) => this.#events.events(query),
      ...this.#tokens,
      annotations: {
        read: () => this.#annotations.read(),
        write: (wish) => this.#annotations.write(wish),
        remove: (id) => this.#annotations.remove(id),
        copies: () => this.#book.copies(),
        take: (copies) => this.#book.take(copies),
      },
    };
  }

  /** The journal, up to date: nothing calls us when we become starved, and samples may be a minute apart. */
  #read(sinceAgeMs: number, limit: number): Journal {
    this.#journal.takeStarvation(this.#own.starvation());
    return this.#journal.read(sinceAgeMs, limit);
  }

  /** Ends what is under way. */
  stop(): void {
    this.#annotations.stop();
    this.#events.stop();
  }
}
