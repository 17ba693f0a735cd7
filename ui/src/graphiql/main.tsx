import "./graphiql.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { takeTokenFromLink } from "../session";
import { GraphiQLPage } from "./GraphiQLPage";

takeTokenFromLink();
const root = document.getElementById("root");
if (root) createRoot(root).render(<StrictMode><GraphiQLPage /></StrictMode>);
