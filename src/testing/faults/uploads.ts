import { refusal, send } from '../answer.js';
import type { RecordedRequest } from '../request.js';
import { type Occasion, type Script, sendsBytes, strike } from '../script.js';

/** Forgets the upload session that is asked for (404). Strikes PATCH and PUT of uploads. */
export function loseUploads(occasion: Occasion = {}): Script {
  return strike(occasion, sendsBytes, async (request, response, proper) => {
    await request.received();
    await proper({ ...request, method: 'DELETE' });
    send(response, refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown'));
  });
}

/** Says that a blob was stored (201), and has it not. Strikes what ends an upload. */
export function dropUploads(occasion: Occasion = {}): Script {
  const usual = ({ kind, method, query }: RecordedRequest) =>
    kind === 'upload' && query.has('digest') && (method === 'PUT' || method === 'POST');
  return strike(occasion, usual, async (request, response, proper) => {
    const answer = await proper();
    if (answer === undefined) return;
    const reference = request.query.get('digest') ?? '';
    if (answer.status === 201) await proper({ ...request, kind: 'blob', method: 'DELETE', reference });
    send(response, answer);
  });
}
