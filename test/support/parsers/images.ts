import {
  describe,
  mediaTypes,
  parseConfig,
  parseJson,
  parseManifest,
  parseReferrers,
} from '../../../src/oci/index.js';
import { type FuzzedParser, image, index, jsonWords, mustBe, text, utf8 } from './parser.js';

/** Manifests, indexes, and the JSON that they are. */
export const imagesParsers: readonly FuzzedParser[] = [
  {
    name: 'B12 JSON',
    samples: [text(image.manifest.bytes), index, '{"a":[1,"x",{"b":null}]}', '"\\u0061\\\\\\""'],
    words: jsonWords,
    codes: ['JSON_INVALID'],
    run(input) {
      const value = parseJson(utf8(input), 'document');
      mustBe(
        JSON.stringify(value) === JSON.stringify(JSON.parse(utf8(input).toString())),
        'JSON.parse reads it otherwise',
      );
      mustBe(!hasKey(value, '__proto__'), 'a key __proto__');
    },
  },
  {
    name: 'B manifests',
    samples: [text(image.manifest.bytes)],
    words: jsonWords,
    codes: ['JSON_INVALID', 'MANIFEST_INVALID', 'MEDIA_TYPE_UNSUPPORTED'],
    run: (input) => parseManifest(utf8(input), { ...image.manifest.descriptor }),
  },
  {
    name: 'B indexes',
    samples: [index],
    words: jsonWords,
    codes: ['JSON_INVALID', 'MANIFEST_INVALID', 'MEDIA_TYPE_UNSUPPORTED'],
    run: (input) => [
      parseManifest(utf8(input), describe(mediaTypes.imageIndex, utf8(input))),
      parseReferrers(utf8(input), 'referrers'),
    ],
  },
  {
    name: 'B configs',
    samples: [text(image.config.bytes)],
    words: jsonWords,
    codes: ['JSON_INVALID', 'MANIFEST_INVALID'],
    run: (input) => parseConfig(utf8(input), image.config.descriptor),
  },
];

function hasKey(value: unknown, key: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, key) || Object.values(value).some((inner) => hasKey(inner, key));
}
