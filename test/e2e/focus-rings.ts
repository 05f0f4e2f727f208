import type { Page } from 'playwright-core';

/**
 * Presses Tab `count` times from where the focus is, and gives what had it without showing it: no ring of 2 px in the
 * accent around it (its own, its frame's, or one that is drawn in or over it), or one that is cut off on more than one side.
 */
export async function unseenFocus(page: Page, count: number): Promise<{ unseen: string[]; seen: number }> {
  const unseen = new Set<string>();
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    await page.keyboard.press('Tab');
    const { name, isSeen } = await page.evaluate(look);
    names.add(name);
    if (!isSeen) unseen.add(name);
  }
  return { unseen: [...unseen], seen: names.size };
}

/** Runs in the page: what has the focus, and whether that can be seen. */
function look(): { name: string; isSeen: boolean } {
  const active = document.activeElement;
  if (active === null || active === document.body) return { name: 'the page', isSeen: true };
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = 'var(--accent)';
  const accent = getComputedStyle(probe).color;
  probe.remove();
  const widthOf = (text: string) => Number.parseFloat(text);
  const hasOutline = (element: Element) => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
    return outlineStyle !== 'none' && widthOf(outlineWidth) >= 2 && outlineColor === accent;
  };
  const isWhole = (element: Element) => {
    const { outlineOffset, outlineWidth } = getComputedStyle(element);
    const out = widthOf(outlineOffset) + widthOf(outlineWidth);
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const sides = [left - out, top - out, -right - out, -bottom - out];
    for (let frame = element.parentElement; frame !== null; frame = frame.parentElement) {
      if (getComputedStyle(frame).overflow === 'visible') continue;
      const box = frame.getBoundingClientRect();
      const edges = [box.left, box.top, -box.right, -box.bottom];
      if (sides.filter((side, at) => side < (edges[at] ?? 0) - 0.5).length > 1) return false;
    }
    return true;
  };
  const frames = [active, active.closest('.choice, .threshold-input')];
  const isFramed = frames.some((element) => element !== null && hasOutline(element) && isWhole(element));
  const isDrawnIn = [...active.querySelectorAll('circle:not(.pod-chosen)')].some((circle) => {
    const { stroke, strokeWidth } = getComputedStyle(circle);
    return stroke === accent && widthOf(strokeWidth) >= 2;
  });
  const over = getComputedStyle(active.parentElement ?? active, '::after');
  const isDrawnOver = over.content !== 'none' && over.borderTopStyle === 'solid' && over.borderTopColor === accent;
  const words = active.getAttribute('aria-label') ?? active.textContent ?? '';
  const name = `${active.tagName.toLowerCase()}.${active.getAttribute('class') ?? ''} ${words.slice(0, 40)}`;
  return { name, isSeen: isFramed || isDrawnIn || isDrawnOver };
}
