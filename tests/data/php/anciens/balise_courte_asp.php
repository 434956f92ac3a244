<?php
<% echo 1; %>
