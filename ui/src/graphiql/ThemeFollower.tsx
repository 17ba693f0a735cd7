import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";

/** Makes the editors dark or light when the system turns so; GraphiQL does that for all but its editors. */
export function ThemeFollower() {
  const { setTheme } = useGraphiQLActions();
  const theme = useGraphiQL((state) => state.theme);
  useEffect(() => {
    if (theme !== null) return;
    const isDark = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => setTheme(null);
    isDark.addEventListener("change", follow);
    return () => isDark.removeEventListener("change", follow);
  }, [theme, setTheme]);
  return null;
}
