/** One dataset. */
export default function DatasetPage({ name }: { name: string }) {
  return <h1>{name}</h1>;
}
