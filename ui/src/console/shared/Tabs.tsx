import { Link, useLocation, useSearch } from "wouter";

interface Tab<View extends string> {
  view: View;
  name: string;
}

/** The parts of a page, each with an address of its own; the first one's is the page's. */
export function Tabs<View extends string>({ tabs, shown, label }: { tabs: readonly Tab<View>[]; shown: View; label: string }) {
  const [path] = useLocation();
  const search = useSearch();
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ view, name }, place) => (
        <Link key={view} href={addressOf(path, search, place === 0 ? null : view)} aria-current={view === shown ? "page" : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}

/** The part that the address names, else the first. */
export function useView<View extends string>(tabs: readonly Tab<View>[]): View {
  const wanted = new URLSearchParams(useSearch()).get("view");
  const found = tabs.find(({ view }) => view === wanted) ?? tabs[0];
  if (!found) throw new Error("A page has at least one part.");
  return found.view;
}

function addressOf(path: string, search: string, view: string | null): string {
  const query = new URLSearchParams(search);
  query.delete("view");
  if (view !== null) query.set("view", view);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
