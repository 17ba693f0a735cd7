import type { UploadedFile } from "./FileJourney";

export function DialectForm(_: { file: UploadedFile; dialect: NonNullable<UploadedFile["dialect"]>; onRead: () => void }) {
  return null;
}
