import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MomentNotice } from '../../../../web/app/notice-list.tsx';
import { showTimesIn } from '../../../../web/model/format.ts';

const NOW_MS = Date.UTC(2026, 0, 1, 12);

beforeEach(() => showTimesIn('utc'));
afterEach(() => showTimesIn('local'));

/** The visible text of the notice for a time `agoMs` before now, while servers keep `historyWindowMs`. */
function noticeText(agoMs: number, moment: { isThere: boolean; error: string }, historyWindowMs = 3_600_000): string {
  const notice = { atMs: NOW_MS - agoMs, nowMs: NOW_MS, moment, historyWindowMs, onNow: () => {} };
  const [, text = ''] = /<p>(.*?)<\/p>/.exec(renderToStaticMarkup(createElement(MomentNotice, notice))) ?? [];
  return text.replace(/<.*?>/g, '');
}

const THERE = { isThere: true, error: '' };

test('a viewed time that is older than the history says so, although the server answers', () => {
  expect(noticeText(2 * 3_600_000, THERE)).toBe(
    'Viewing 10:00:00. It is older than the history, which begins at 11:00:00 (HISTORY_WINDOW). Older data is in Prometheus.',
  );
  expect(noticeText(60_000, THERE)).toBe('Viewing 11:59:00. ');
  // Unknown.
  expect(noticeText(2 * 3_600_000, THERE, 0)).toBe('Viewing 10:00:00. ');
});

test('a time that could not be fetched says why, and that it is tried again', () => {
  expect(noticeText(60_000, { isThere: false, error: '' })).toBe('Viewing 11:59:00. Loading.');
  expect(noticeText(60_000, { isThere: false, error: 'no server answered' })).toBe(
    'Cannot show 11:59:00. No server answered. Trying again.',
  );
});
