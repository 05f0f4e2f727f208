import { expect, test, vi } from 'vitest';
import { clockText, showTimesIn, zonesText, zoneText } from '../../../../web/model/format.ts';
import { axisTimes } from '../../../../web/model/timeline.ts';

test('a time of another day carries its date, today does not', () => {
  const at = new Date(2024, 4, 14, 15, 2, 10).getTime();
  expect(clockText(at)).toBe('15:02:10');
  expect(clockText(at, at + 86_400_000)).toBe('2024-05-14 15:02:10');
  expect(clockText(Number.NaN)).toBe('–');
});

test('times can be shown in UTC, and the zone has a name', () => {
  const at = Date.UTC(2024, 4, 14, 23, 30, 5);
  showTimesIn('utc');
  try {
    expect(clockText(at)).toBe('23:30:05');
    expect(clockText(at, at + 3_600_000)).toBe('2024-05-14 23:30:05');
    expect(zoneText(at)).toBe('UTC');
    expect(axisTimes({ fromMs: at, toMs: at + 3 * 3_600_000 }, 300).times.every((ms) => ms % 1_800_000 === 0)).toBe(
      true,
    );
  } finally {
    showTimesIn('local');
  }
});

test.each([
  [-120, 'UTC+2', '14:00:00'],
  [210, 'UTC−3:30', '08:30:00'],
  [0, 'UTC', '12:00:00'],
])('where noon in UTC is %i minutes away, the zone is called %s', (offsetMin, name, noon) => {
  const offset = vi.spyOn(Date.prototype, 'getTimezoneOffset').mockReturnValue(offsetMin);
  expect(zoneText(0)).toBe(name);
  expect(clockText(Date.UTC(2024, 4, 14, 12, 0, 0))).toBe(noon);
  offset.mockRestore();
});

test('a range in which the clock changes has both names of the zone', () => {
  const changeMs = Date.UTC(2024, 2, 31, 1);
  const offset = vi.spyOn(Date.prototype, 'getTimezoneOffset').mockImplementation(function (this: Date) {
    return this.getTime() < changeMs ? -60 : -120;
  });
  expect(zonesText({ fromMs: changeMs - 1, toMs: changeMs })).toBe('UTC+1, later UTC+2');
  expect(zonesText({ fromMs: changeMs, toMs: changeMs + 1 })).toBe('UTC+2');
  offset.mockRestore();
});
