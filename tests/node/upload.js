// Sends the file FILE to the tus endpoint UPLOADS_URL with tus-js-client as it is, and prints the upload's URL. With
// RESUME_URL it goes on with that upload. BEGIN_ONLY_BYTES: it ends once so many bytes were accepted.
import { createReadStream, statSync } from 'node:fs';
import { Upload } from 'tus-js-client';

const { BEGIN_ONLY_BYTES, CHUNK_BYTES, FILE, RESUME_URL, UPLOADS_URL, TOKEN } = process.env;
const upload = new Upload(createReadStream(FILE), {
  endpoint: UPLOADS_URL,
  uploadUrl: RESUME_URL || null,
  uploadSize: statSync(FILE).size,
  chunkSize: Number(CHUNK_BYTES),
  headers: TOKEN ? { Authorization: `Bearer ${TOKEN}` } : {},
  metadata: { filename: 'people.csv', filetype: 'text/csv' },
  retryDelays: [0, 500, 1000, 2000],
  onChunkComplete: (size, accepted) => {
    if (BEGIN_ONLY_BYTES && accepted >= Number(BEGIN_ONLY_BYTES)) {
      console.log(upload.url);
      process.exit(0);
    }
  },
  onError: (error) => {
    console.error(error);
    process.exit(1);
  },
  onSuccess: () => console.log(upload.url),
});
upload.start();
