import { mount } from "svelte";
import "./style.css";
import App from "./App.svelte";
import Login from "./Login.svelte";

mount(location.pathname === "/login" ? Login : App, { target: document.body });
