import { describe, expect, it } from 'vitest';
import { html, jsonData, pageAddress, webAddress } from '../../src/site/html.js';

describe('markup', () => {
  it('has every value as text, in an element and in an attribute', () => {
    const bad = `<b a="1" b='2'>&\`</b>`;
    expect(html`<p title="${bad}">${bad}</p>`.text).toBe(
      '<p title="&#60;b a=&#34;1&#34; b=&#39;2&#39;&#62;&#38;&#96;&#60;/b&#62;">&#60;b a=&#34;1&#34; b=&#39;2&#39;&#62;&#38;&#96;&#60;/b&#62;</p>',
    );
    expect(html`${[html`<i>a</i>`, '<', undefined, 3]}`.text).toBe('<i>a</i>&#60;3');
    expect(html`<p>${'a\u202eb\u0000c\nd'}</p>`.text).toBe('<p>a\\u{202e}b\\x00c\\nd</p>');
  });

  it('cannot be made where a value would not be safe', () => {
    const text = 'a b';
    expect(() => html`<p title=${text}>`).toThrow(/not safe/);
    expect(() => html`<a href="${'javascript:alert(1)'}">`).toThrow(/not safe/);
    expect(() => html`<img src='${text}'>`).toThrow(/not safe/);
    expect(() => pageAddress('javascript:alert(1)')).toThrow(/no address/);
    expect(() => pageAddress('//example.com')).toThrow(/no address/);
    expect(() => html`<p>${pageAddress('a.html')}</p>`).toThrow(/not safe/);
  });

  it('links to the web by https only', () => {
    for (const text of [
      'http://a.example',
      'javascript:alert(1)',
      'data:text/html,x',
      'https://user@a.example',
      '//a.example',
      'x',
    ])
      expect([text, webAddress(text)]).toEqual([text, undefined]);
    expect(html`<a href="${webAddress('https://a.example/b?"c&d')}">x</a>`.text).toBe(
      '<a href="https://a.example/b?%22c&#38;d">x</a>',
    );
  });

  it('has data in which nothing ends the element', () => {
    const value = { a: '</script><!-- & \u2028' };
    const { text } = jsonData(value);
    expect(text).not.toMatch(/[<>&\u2028]/);
    expect(JSON.parse(text)).toEqual(value);
  });
});
