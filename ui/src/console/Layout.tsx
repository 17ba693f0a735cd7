import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { setSession } from "../session";
import { useIsLive } from "./JobFeed";
import { Icon } from "./shared/Icon";

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
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useEffect(() => {
    // A new page is read from its beginning, by eyes and by screen readers.
    if (shown.current !== path) main.current?.focus({ preventScroll: true });
    shown.current = path;
    scrollTo(0, 0);
  }, [path]);
  return (
    <>
      <a className="skip" href="#main">Skip to the content</a>
      <header className="top">
        <Link href="/jobs" className="brand"><Icon name="gate" /> Headgate</Link>
        <nav aria-label="Pages">
          {PLACES.map(({ href, name }) => (
            <Link key={href} href={href} aria-current={path.startsWith(href) ? "page" : undefined}>{name}</Link>
          ))}
        </nav>
        <div className="top-end">
          <Live />
          <a href="/graphiql">GraphiQL</a>
          <button type="button" className="quiet" onClick={() => setSession(null)}>Sign out</button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>{children}</main>
    </>
  );
}

function Live() {
  const isLive = useIsLive();
  return (
    <span className={isLive ? "live" : "live off"} role="status">
      {isLive ? "Live" : "Connecting"}
    </span>
  );
}
