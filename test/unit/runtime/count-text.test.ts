import { expect, test } from 'vitest';
import { countText, plural } from '../../../server/runtime/count-text.ts';

test('counts have groups of three, and nouns their number', () => {
  expect([999, 1092, 1_234_567, 12.4].map(countText)).toEqual(['999', '1,092', '1,234,567', '12']);
  expect([plural(1, 'pod'), plural(0, 'pod'), plural(1092, 'pod')]).toEqual(['1 pod', '0 pods', '1,092 pods']);
});
