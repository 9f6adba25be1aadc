import { mount } from "svelte";
import App from "./App.svelte";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");

root.replaceChildren();
mount(App, { target: root });
