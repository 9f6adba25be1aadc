import "@fontsource-variable/inter/index.css";
import "@fontsource-variable/jetbrains-mono/index.css";
import "./tokens.css";
import "./base.css";
import { mount } from "svelte";
import App from "./App.svelte";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");

export default mount(App, { target: root });
