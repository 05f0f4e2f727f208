import { type PointerEvent, useEffect, useRef, useState } from 'react';
import { CHANGES, type Comparison } from '../../pure/compare.ts';
import { changeWords, deltaText, doingText, pairName } from '../../pure/compare-words.ts';
import { plural } from '../../pure/figures.ts';
import { useSize } from '../use-size.ts';
import { drawChanges, layoutMap, type MapLayout } from './draw-changes.ts';

interface ChangeMapProps {
  comparison: Comparison;
  /** Colours are read anew when it changes. */
  theme: string;
}

/** The matrix of what changed: column = from, row = to, as in the heatmap. */
export function ChangeMap({ comparison, theme }: ChangeMapProps) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = useRef<MapLayout | null>(null);
  const { width, height, dpr } = useSize(frame);
  const [pair, setPair] = useState(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `theme` stands for the colours that are read
  useEffect(() => {
    const element = canvas.current;
    const ctx = element?.getContext('2d');
    if (element === null || ctx === null || ctx === undefined || width === 0) return;
    const laid = layoutMap(ctx, comparison, { width, height });
    layout.current = laid;
    element.width = Math.round(laid.width * dpr);
    element.height = Math.round(laid.height * dpr);
    element.style.width = `${laid.width}px`;
    element.style.height = `${laid.height}px`;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    const style = getComputedStyle(element);
    drawChanges(ctx, comparison, laid, (name) => style.getPropertyValue(name).trim());
  }, [comparison, width, height, dpr, theme]);
  const onPointerMove = (event: PointerEvent<HTMLCanvasElement>) => {
    const laid = layout.current;
    if (laid === null) return;
    const box = event.currentTarget.getBoundingClientRect();
    const from = Math.floor((event.clientX - box.left - laid.left) / laid.pitch);
    const to = Math.floor((event.clientY - box.top - laid.top) / laid.pitch);
    const { n } = comparison;
    setPair(from >= 0 && to >= 0 && from < n && to < n ? from * n + to : -1);
  };
  const { figures } = comparison;
  return (
    <>
      <div className="change-frame" ref={frame}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`What changed, columns ping, rows answer: ${plural(figures.affected, 'link')} of ${figures.of} became worse. The table beside it has the figures.`}
          onPointerMove={onPointerMove}
          onPointerLeave={() => setPair(-1)}
        />
      </div>
      <p className="change-words">
        {pair < 0 ? 'Column: the pod that pings. Row: the pod that answers.' : wordsOf(comparison, pair)}
      </p>
    </>
  );
}

function wordsOf(comparison: Comparison, pair: number): string {
  const { before, during, change, deltaUs } = comparison;
  const doing = ({ p50Us, failedShare }: Comparison['before']) =>
    doingText(p50Us[pair] ?? Number.NaN, failedShare[pair] ?? Number.NaN);
  const what = CHANGES[change[pair] ?? 0] ?? 'unknown';
  const delta = what === 'slower' || what === 'faster' ? deltaText(deltaUs[pair] ?? Number.NaN) : changeWords(what);
  return `${pairName(comparison, pair)}: ${doing(before)}, then ${doing(during)}; ${delta}`;
}
