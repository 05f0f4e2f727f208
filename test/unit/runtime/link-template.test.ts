import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filledLink, parseLinkTemplate } from '../../../server/runtime/link-template.ts';

describe('a link template', () => {
  it('has a name and a URL; an underscore in the name is a blank', () => {
    expect(parseLinkTemplate('Pod_logs=https://logs.example.com/?q=a=b&pod={pod}')).toEqual({
      name: 'Pod logs',
      url: 'https://logs.example.com/?q=a=b&pod={pod}',
    });
  });

  it.each([
    ['https://logs.example.com/', 'expected name=URL'],
    ['Logs', 'expected name=URL'],
    ['Logs=', 'expected name=URL'],
    ['Logs=javascript:alert(1)//{pod}', 'begins with http:// or https://'],
    ['Logs=/relative/{pod}', 'begins with http:// or https://'],
    ['Logs=https://logs.example.com/{container}', '{container} is not one of {pod} {node} {namespace} {from} {to}'],
    ['Logs=https://{node}.example.com/', 'only after the host'],
    ['Logs=https://logs.example.com:{pod}/', 'only after the host'],
    ['Logs=https://{pod}@logs.example.com/', 'only after the host'],
    ['Logs=https:///{pod}/', 'only after the host'],
    ['Logs=https:///', 'a valid URL'],
    ['Logs=http:logs.example.com/{pod}', 'begins with http:// or https://'],
    ['Logs=https://logs.example.com/{pod', 'only around a placeholder'],
    ['Logs=https://logs.example.com/pod}', 'only around a placeholder'],
    ['Logs=https://reader:secret@logs.example.com/', 'without a user name'],
    [`Logs=https://logs.example.com/${'x'.repeat(2000)}`, 'at most 2000'],
  ])('%s is refused: %s', (text, message) => {
    expect(() => parseLinkTemplate(text)).toThrow(message);
    expect(() => parseLinkTemplate(text)).not.toThrow('secret');
  });

  it('is filled with encoded values, and not shown where one is missing', () => {
    const template = parseLinkTemplate('Logs=https://logs.example.com/{namespace}/{pod}?from={from}');
    const values = { namespace: 'a b', pod: 'x/../y?z', from: 'é&' };
    expect(filledLink(template, values)).toBe('https://logs.example.com/a%20b/x%2F..%2Fy%3Fz?from=%C3%A9%26');
    expect(filledLink(template, { ...values, from: '' })).toBeNull();
    expect(filledLink(template, { namespace: 'a', pod: 'b' })).toBeNull();
    expect(filledLink({ name: 'x', url: 'javascript:alert({pod})' }, { pod: 'a' })).toBeNull();
  });

  it('leads to its own host, whatever the values are', () => {
    const template = parseLinkTemplate('Logs=https://logs.example.com/{pod}#{node}');
    const text = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(text, text, (pod, node) => {
        expect(new URL(filledLink(template, { pod, node }) ?? '').origin).toBe('https://logs.example.com');
      }),
    );
  });
});
