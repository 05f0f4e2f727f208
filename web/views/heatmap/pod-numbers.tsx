import { useState } from 'react';
import { countText } from '../../pure/figures.ts';
import type { Arrangement } from '../../pure/order.ts';
import type { ViewProps } from '../../view-props.ts';
import './pod-numbers.css';

/** The pods by their numbers on the axes, if neither names nor groups fit. The list is rendered when it is opened. */
export function PodNumbers({ props, arrangement }: { props: ViewProps; arrangement: Arrangement }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="pod-numbers" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Numbers on the axes: {countText(arrangement.pods.length)} pods</summary>
      {isOpen ? (
        <ol>
          {[...arrangement.pods].map((pod) => {
            const view = props.picture.pods[pod];
            return view === undefined ? null : (
              <li key={view.pod.uid}>
                <button type="button" onClick={() => props.onSelect({ pod: view.pod.uid })}>
                  {view.name}
                </button>
              </li>
            );
          })}
        </ol>
      ) : null}
    </details>
  );
}
