import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { takeTokenFromLink } from "../session";
import { App } from "./App";
import "./console.css";

takeTokenFromLink();
const root = document.getElementById("root");
if (root) createRoot(root).render(<StrictMode><App /></StrictMode>);
