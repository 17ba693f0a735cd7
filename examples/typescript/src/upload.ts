// Files by tus: they go on where they were after a lost connection.
import { createReadStream, statSync } from 'node:fs';
import { basename } from 'node:path';
import { Upload } from 'tus-js-client';

import { headers, url } from './api.js';

/** Sends a file; answers its id. */
export function upload(path: string, onProgress: (sent: number, total: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = new Upload(createReadStream(path), {
      endpoint: `${url}/uploads`,
      headers,
      uploadSize: statSync(path).size,
      chunkSize: 8 * 1024 * 1024,
      retryDelays: [0, 1000, 3000, 5000],
      metadata: { filename: basename(path) },
      onChunkComplete: (_size, sent, total) => onProgress(sent, total ?? sent),
      onError: reject,
      onSuccess: () => resolve(basename(sending.url ?? '')),
    });
    sending.start();
  });
}
