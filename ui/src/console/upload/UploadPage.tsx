/** Brings a file in. */
export default function UploadPage() {
  return <h1>Upload</h1>;
}
