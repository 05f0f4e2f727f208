import { expect, test } from 'vitest';
import { takenText } from '../../../../web/components/export.ts';

test('an exported picture says when it was taken, with the zone of that time', () => {
  expect(takenText(Date.parse('2024-05-14T10:25:57Z'))).toMatch(
    /^Taken 2024-05-1[45] \d\d:\d\d:57 UTC([+−]\d\d?(:\d\d)?)?$/,
  );
});
