/** One pipeline. */
export default function PipelinePage({ name }: { name: string }) {
  return <h1>{name}</h1>;
}
