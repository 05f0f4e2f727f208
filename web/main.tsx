import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { browserClock } from './data/browser-clock.ts';
import { Connection } from './data/connection.ts';
import { Preferences } from './data/preferences.ts';
import { fetchMesh, serverUrl } from './data/requests.ts';
import './styles/tokens.css';
import './styles/base.css';

const connection = new Connection({
  clock: browserClock,
  openStream: (windowMs) => new EventSource(serverUrl('api/v1/stream', { window: String(windowMs) })),
  fetchMesh,
});
const place = document.getElementById('page');
if (place === null) throw new Error('the page has no place for the app');
createRoot(place).render(<App connection={connection} preferences={new Preferences()} clock={browserClock} />);
