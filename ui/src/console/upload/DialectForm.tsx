import { type FormEvent, useState } from "react";
import { useMutation } from "urql";
import { graphql } from "../../graph";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { useViewer } from "../shared/viewer";
import type { UploadedFile } from "./FileJourney";

const Describe = graphql(`
  mutation DescribeFile($id: ID!, $input: DescribeFileInput!) {
    describeFile(id: $id, input: $input) {
      file {
        id
        format
        dialect { encoding delimiter quote escape newline hasHeader skipRows confidence }
        columns { name type nullable }
      }
      errors { code message path }
    }
  }
`);

type Dialect = NonNullable<UploadedFile["dialect"]>;

const DELIMITERS = [
  { value: ",", name: "comma" },
  { value: ";", name: "semicolon" },
  { value: "\t", name: "tab" },
  { value: "|", name: "bar" },
];
const QUOTES = [
  { value: '"', name: 'double: "' },
  { value: "'", name: "single: '" },
  { value: "", name: "none" },
];

interface Props {
  file: UploadedFile;
  dialect: Dialect;
  /** Called when the file is read in another way. */
  onRead: () => void;
}

/** Says in another way how a text is written, where what was found is wrong. */
export function DialectForm({ file, dialect, onRead }: Props) {
  const { canOperate } = useViewer();
  const [{ fetching }, describe] = useMutation(Describe);
  const [faults, setFaults] = useState<Fault[]>([]);
  if (!canOperate) return null;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const result = await describe({ id: file.id, input: { dialect: saidIn(new FormData(event.currentTarget)) } });
    const wrong = faultsOf(result, result.data?.describeFile.errors);
    setFaults(wrong);
    if (wrong.length === 0) onRead();
  }

  return (
    <details className="dialect">
      <summary>Read it in another way</summary>
      <form onSubmit={submit} key={JSON.stringify(dialect)}>
        <label>Encoding<input type="text" name="encoding" defaultValue={dialect.encoding} list="encodings" spellCheck={false} required /></label>
        <datalist id="encodings"><option>utf-8</option><option>utf-16</option><option>cp1252</option><option>latin-1</option></datalist>
        <label>Delimiter<select name="delimiter" defaultValue={dialect.delimiter ?? ","}>{options(DELIMITERS, dialect.delimiter)}</select></label>
        <label>Quotes<select name="quote" defaultValue={dialect.quote ?? ""}>{options(QUOTES, dialect.quote)}</select></label>
        <label>Lines to skip<input type="number" name="skipRows" min={0} max={10_000} step={1} defaultValue={dialect.skipRows} required /></label>
        <label className="tick"><input type="checkbox" name="hasHeader" defaultChecked={dialect.hasHeader} />The first row names the columns</label>
        <button type="submit" className="quiet" disabled={fetching}>{fetching ? "Reading…" : "Read it so"}</button>
        <Faults of={faults} />
      </form>
    </details>
  );
}

function options(known: { value: string; name: string }[], found: string | null) {
  const isKnown = found === null || known.some(({ value }) => value === found);
  const all = isKnown ? known : [{ value: found, name: found }, ...known];
  return all.map(({ value, name }) => <option key={value} value={value}>{name}</option>);
}

function saidIn(form: FormData) {
  return {
    encoding: String(form.get("encoding")),
    delimiter: String(form.get("delimiter")),
    quote: String(form.get("quote")),
    skipRows: Number(form.get("skipRows")),
    hasHeader: form.get("hasHeader") !== null,
  };
}
