import { type KeyboardEvent, type PointerEvent, useMemo, useRef, useState } from 'react';
import type { Thresholds } from '../../../server/protocol/link-state.ts';
import { isBrowserKey } from '../../components/keys.ts';
import type { Picture } from '../../model/mesh-view.ts';
import {
  binsOf,
  type LatencyScale,
  MAX_DOTS,
  msAt,
  scaleFor,
  stepFrom,
  THRESHOLD_LABELS,
  THRESHOLD_NAMES,
  type ThresholdName,
  ticksOf,
} from './thresholds.ts';

/** Lengths of the drawing: the plot of the latencies, below it the coloured bar, below that handles and numbers. */
const WIDTH = 300;
const PLOT = 44;
const BAR_TOP = PLOT;
const BAR = 14;
const HEIGHT = BAR_TOP + BAR + 36;

interface ScaleProps {
  picture: Picture;
  thresholds: Thresholds;
  onChange: (name: ThresholdName, ms: number) => void;
}

/** A logarithmic scale: latencies of links, coloured bands, three handles, and the timeout as a dashed line. */
export function ThresholdScale({ picture, thresholds, onChange }: ScaleProps) {
  const timeoutMs = picture.mesh.settings.pingTimeoutMs;
  /** The handle that is dragged, and the scale at its press: a scale that followed the value would move it away from the pointer. */
  const [held, setHeld] = useState<{ name: ThresholdName; scale: LatencyScale } | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const scale = held?.scale ?? scaleFor(timeoutMs, thresholds);
  const x = (ms: number) => scale(ms) * WIDTH;
  const drag = (event: PointerEvent) => {
    const box = svg.current?.getBoundingClientRect();
    if (held === null || box === undefined || box.width === 0) return;
    // The release was lost, for example to a menu of the browser.
    if (event.buttons === 0) return setHeld(null);
    onChange(held.name, msAt(scale, (event.clientX - box.left) / box.width));
  };
  const [leastMs = 0, mostMs = 0] = scale.domain();
  const edges = [0, x(thresholds.goodMs), x(thresholds.warningMs), x(thresholds.problemMs), WIDTH];
  return (
    <div className="threshold-scale">
      <svg
        ref={svg}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        onPointerMove={drag}
        onPointerUp={() => setHeld(null)}
        onPointerCancel={() => setHeld(null)}
        aria-label="Thresholds on a logarithmic scale"
      >
        <Distribution picture={picture} scale={scale} />
        {['good', 'fair', 'warning', 'slow'].map((state, i) => (
          <path
            key={state}
            className={`scale-band is-${state}`}
            d={`M${edges[i]} ${BAR_TOP}V${BAR_TOP + BAR}H${edges[i + 1]}V${BAR_TOP}Z`}
          />
        ))}
        {timeoutMs > 0 && (
          <path stroke="var(--text-second)" strokeDasharray="3 3" d={`M${x(timeoutMs)} 4V${BAR_TOP + BAR}`} />
        )}
        {ticksOf(scale).map((ms) => (
          <text
            key={ms}
            className="scale-tick"
            x={x(ms)}
            y={HEIGHT - 4}
            textAnchor={ms === leastMs ? 'start' : ms === mostMs ? 'end' : 'middle'}
          >
            {ms >= 1000 ? `${ms / 1000} s` : ms}
          </text>
        ))}
        {THRESHOLD_NAMES.map((name) => (
          <Handle
            key={name}
            name={name}
            scale={scale}
            onChange={onChange}
            ms={thresholds[name]}
            onHold={() => setHeld({ name, scale })}
          />
        ))}
      </svg>
    </div>
  );
}

interface HandleProps extends Pick<ScaleProps, 'onChange'> {
  name: ThresholdName;
  scale: LatencyScale;
  ms: number;
  onHold: () => void;
}

function Handle({ name, scale, ms, onHold, onChange }: HandleProps) {
  const x = scale(ms) * WIDTH;
  const [leastMs = 0, mostMs = 0] = scale.domain();
  const onKeyDown = (event: KeyboardEvent) => {
    if (isBrowserKey(event)) return;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (steps !== undefined) onChange(name, Math.min(mostMs, Math.max(leastMs, stepFrom(ms, steps))));
    else if (event.key === 'Home') onChange(name, leastMs);
    else if (event.key === 'End') onChange(name, mostMs);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onPointerDown = (event: PointerEvent<SVGGElement>) => {
    if (event.button !== 0) return;
    event.currentTarget.ownerSVGElement?.setPointerCapture(event.pointerId);
    onHold();
    event.currentTarget.focus();
    event.preventDefault();
  };
  return (
    <g
      className="scale-handle"
      role="slider"
      tabIndex={0}
      aria-label={THRESHOLD_LABELS[name]}
      aria-valuemin={leastMs}
      aria-valuemax={mostMs}
      aria-valuenow={ms}
      aria-valuetext={`${ms} ms`}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
    >
      <rect fill="transparent" x={x - 13} y={BAR_TOP - 6} width={26} height={BAR + 22} />
      <line x1={x} x2={x} y1={BAR_TOP - 4} y2={BAR_TOP + BAR + 4} />
      <circle cx={x} cy={BAR_TOP + BAR + 9} r={5.5} />
    </g>
  );
}

/** The latencies of the links: dots, or a histogram with more than `MAX_DOTS` links. */
function Distribution({ picture, scale }: { picture: Picture; scale: LatencyScale }) {
  const isHistogram = picture.n * picture.n > MAX_DOTS;
  // The scale is made anew at each render; its domain tells whether it has changed.
  const domain = scale.domain().join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `domain` stands for `scale`
  const bins = useMemo(() => binsOf(picture, scale, isHistogram ? 60 : 33), [picture, domain]);
  const binWidth = WIDTH / bins.length;
  const most = Math.max(1, ...bins);
  if (isHistogram) {
    const height = (count: number) =>
      count === 0 ? 0 : Math.max(2, (Math.log1p(count) / Math.log1p(most)) * (PLOT - 6));
    const path = bins.map(
      (count, i) => `M${i * binWidth} ${PLOT - 2}v${-height(count)}h${binWidth - 1}v${height(count)}z`,
    );
    return <path fill="var(--text-second)" d={path.join('')} />;
  }
  // So that the highest stack of dots fits into the plot.
  const dotDistance = Math.min(9, (PLOT - 8) / most);
  const radius = Math.min(3.4, Math.max(1.2, dotDistance * 0.42));
  const dots = bins.flatMap((count, bin) => Array.from({ length: count }, (_, k) => ({ bin, k })));
  return (
    <g fill="var(--text-second)">
      {dots.map(({ bin, k }) => (
        <circle key={`${bin} ${k}`} cx={(bin + 0.5) * binWidth} cy={PLOT - 5 - k * dotDistance} r={radius} />
      ))}
    </g>
  );
}
