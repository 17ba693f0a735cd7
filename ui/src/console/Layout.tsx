import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { Account } from "./Account";
import { Live, OldData } from "./Live";
import { Icon } from "./shared/Icon";
import { setTitle } from "./shared/title";

const PLACES = [
  { href: "/jobs", name: "Jobs" },
  { href: "/upload", name: "Upload" },
  { href: "/datasets", name: "Datasets" },
  { href: "/pipelines", name: "Pipelines" },
  { href: "/health", name: "Health" },
];

/** What surrounds every page: where one can go, and whether the page is live. */
export function Layout({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  const main = useBeginning(path);
  const place = PLACES.find(({ href }) => path.startsWith(href));
  // Before the effects of the page itself, which may know a better one.
  useLayoutEffect(() => setTitle(place?.name ?? ""), [path, place]);
  return (
    <>
      <a className="skip" href="#main">Skip to the content</a>
      <header className="top">
        <Link href="/jobs" className="brand"><Icon name="gate" /> Headgate</Link>
        <nav aria-label="Pages">
          {PLACES.map(({ href, name }) => (
            <Link key={href} href={href} aria-current={place?.href === href ? "page" : undefined}>{name}</Link>
          ))}
        </nav>
        <div className="top-end">
          <Live />
          <a href="/graphiql">GraphiQL</a>
          <Account />
        </div>
      </header>
      <OldData />
      <main id="main" ref={main} tabIndex={-1}>{children}</main>
    </>
  );
}

/** A new page is read from its beginning, by eyes and by screen readers; on the way back, where it was left. */
function useBeginning(path: string) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  const isBack = useRef(false);
  useEffect(() => {
    const note = () => {
      isBack.current = true;
    };
    // First of all: the path changes in another listener of the same event.
    addEventListener("popstate", note, { capture: true });
    return () => removeEventListener("popstate", note, { capture: true });
  }, []);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus({ preventScroll: true });
    if (!isBack.current) scrollTo(0, 0);
    isBack.current = false;
  }, [path]);
  return main;
}
