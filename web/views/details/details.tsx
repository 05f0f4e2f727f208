import './details.css';
import type { ViewProps } from '../../components/view-props.ts';
import { LinkPanel } from './link-panel.tsx';
import { PodPanel } from './pod-panel.tsx';

/** The panel of the selected pod or link. One module, because it is loaded when first needed. */
export function Details(props: ViewProps) {
  return props.selection !== null && 'pod' in props.selection ? <PodPanel {...props} /> : <LinkPanel {...props} />;
}
