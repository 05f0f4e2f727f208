import './styles/tokens.css';
import './styles/base.css';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { browserClock } from './data/connection.ts';
import { LiveFeed, openWorker } from './data/live-feed.ts';
import { readAddress, windowOf } from './model/address.ts';

const address = readAddress(location.hash);
const feed = new LiveFeed({
  clock: browserClock,
  worker: openWorker(),
  base: document.baseURI,
});
// Starts before rendering, so that the first data load meanwhile.
feed.start(windowOf(address));
if (address.view === 'heatmap') void import('./views/heatmap/heatmap-view.tsx');
const place = document.getElementById('page');
if (place === null) throw new Error('the page has no element #page');
createRoot(place).render(<App feed={feed} clock={browserClock} />);
