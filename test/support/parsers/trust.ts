import { EngineshedError } from '../../../src/errors/index.js';
import { digestHex, digestOf } from '../../../src/oci/index.js';
import { formatBundle, parseBundle } from '../../../src/trust/bundle.js';
import { signEnvelope, signersOf } from '../../../src/trust/dsse.js';
import { parsePrivateKey, parsePublicKey } from '../../../src/trust/index.js';
import { formatStatement, parseStatement, statementType } from '../../../src/trust/statement.js';
import { newKey } from '../signing.js';
import { type FuzzedParser, hex, jsonWords, mustBe, text, utf8 } from './parser.js';

const signingKey = newKey('one');

const statement = formatStatement(digestOf('x'), 'it', {
  predicateType: 'https://example.com/x',
  predicate: {},
});

const bundleSample = text(
  formatBundle(signEnvelope(statementType, statement, signingKey), signingKey.public.id),
);

const publicPem = signingKey.public.key.export({ type: 'spki', format: 'pem' }).toString();

const privatePem = signingKey.key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Signatures and keys. */
export const trustParsers: readonly FuzzedParser[] = [
  {
    name: 'F01 bundles',
    samples: [bundleSample],
    words: [
      ...jsonWords,
      '"dsseEnvelope":',
      '"messageSignature":{}',
      '"certificate":',
      '"signatures":[',
      '==',
      'AA==',
    ],
    codes: ['JSON_INVALID', 'MANIFEST_INVALID', 'SIGNATURE_UNSUPPORTED'],
    run(input) {
      const envelope = parseBundle(utf8(input), 'bundle');
      if (signersOf(envelope, [signingKey.public]).length === 0) return;
      mustBe(envelope.payload.equals(statement), 'another payload is signed');
      mustBe(envelope.payloadType === statementType, 'another type is signed');
    },
  },
  {
    name: 'F01 statements',
    samples: [text(statement)],
    words: [...jsonWords, '"subject":', '"sha256":', '"predicateType":', '"_type":', hex],
    codes: ['JSON_INVALID', 'MANIFEST_INVALID'],
    run(input) {
      const said = parseStatement(utf8(input), digestOf('x'), 'statement');
      mustBe(
        said === undefined || input.includes(digestHex(digestOf('x'))) || input.includes('\\u'),
        'about another image',
      );
    },
  },
  {
    name: 'F01 public keys',
    samples: [publicPem],
    words: ['-----BEGIN PUBLIC KEY-----', '-----END PUBLIC KEY-----', '-----BEGIN ', '\r\n', '-'],
    regressions: ['-----BEGIN A-----\n'.repeat(3000), '-'.repeat(65_536)],
    codes: ['KEY_INVALID'],
    run: (input) => parsePublicKey(input, 'key'),
  },
  {
    name: 'F01 private keys',
    samples: [privatePem],
    words: [
      '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----',
      '-----BEGIN ENCRYPTED PRIVATE KEY-----',
      'Proc-Type: 4,ENCRYPTED',
      'eyJrZGYiOnsibmFtZSI6',
    ],
    codes: ['KEY_INVALID', 'KEY_LOCKED', 'USAGE'],
    run: (input) =>
      parsePrivateKey(input, 'key', async () => {
        throw new EngineshedError('USAGE', 'nobody is asked');
      }),
  },
];
